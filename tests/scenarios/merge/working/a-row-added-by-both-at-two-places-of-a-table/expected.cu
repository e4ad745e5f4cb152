static const Config kTuned[] = {
    {16, kSmall},
    {32, kMedium},
<<<<<<< ours
||||||| base
=======
    {48, kMedium},
>>>>>>> theirs
    {64, kLarge},
<<<<<<< ours
    {48, kMedium},
||||||| base
=======
>>>>>>> theirs
};
