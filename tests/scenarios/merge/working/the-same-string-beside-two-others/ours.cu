static const char usage[] =
    "usage: run [options]\n"
    "  -h  help\n"
    "  -n  dry run\n"
    "  -v  version\n"
    "  -q  quiet\n";
