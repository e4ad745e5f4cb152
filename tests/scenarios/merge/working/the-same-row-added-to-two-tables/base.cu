static const Config kTuned[] = {
    {16, kSmall},
    {32, kMedium},
    {64, kLarge},
};

static const Config kPlain[] = {
    {16, kSmall},
    {32, kMedium},
    {64, kLarge},
};
