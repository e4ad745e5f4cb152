static const char usage[] =
    "usage: run [options]\n"
    "  -v  version\n"
    "  -q  quiet\n";
