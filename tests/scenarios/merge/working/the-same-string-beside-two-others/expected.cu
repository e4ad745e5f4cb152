static const char usage[] =
    "usage: run [options]\n"
    "  -h  help\n"
<<<<<<< ours
    "  -n  dry run\n"
    "  -v  version\n"
    "  -q  quiet\n";
||||||| base
    "  -v  version\n"
    "  -q  quiet\n";
=======
    "  -v  version\n"
    "  -q  quiet\n"
    "  -n  dry run\n";
>>>>>>> theirs
