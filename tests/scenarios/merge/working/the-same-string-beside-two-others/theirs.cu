static const char usage[] =
    "usage: run [options]\n"
    "  -h  help\n"
    "  -v  version\n"
    "  -q  quiet\n"
    "  -n  dry run\n";
