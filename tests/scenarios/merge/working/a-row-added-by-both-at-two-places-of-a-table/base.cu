static const Config kTuned[] = {
    {16, kSmall},
    {32, kMedium},
    {64, kLarge},
};
