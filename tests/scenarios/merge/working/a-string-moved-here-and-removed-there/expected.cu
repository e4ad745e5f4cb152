static const char usage[] =
    "usage: run [options]\n"
<<<<<<< ours
    "  -v  version\n"
    "  -q  quiet\n"
    "  -h  help\n";
||||||| base
    "  -h  help\n"
    "  -v  version\n"
    "  -q  quiet\n";
=======
    "  -v  version\n"
    "  -q  quiet\n";
>>>>>>> theirs
