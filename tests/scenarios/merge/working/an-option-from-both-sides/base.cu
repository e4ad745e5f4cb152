static const struct option long_options[] = {
    {"model",   required_argument, nullptr, 'm'},
    {"threads", required_argument, nullptr, 't'},
    {"help",    no_argument,       nullptr, 'h'},
    {nullptr, 0, nullptr, 0},
};

bool parse(int argc, char ** argv, params & p) {
    int c;
    while ((c = getopt_long(argc, argv, "m:t:h", long_options, nullptr)) != -1) {
        switch (c) {
            case 'm': p.model = optarg; break;
            case 't': p.threads = atoi(optarg); break;
            case 'h': usage(); return false;
            default: return false;
        }
    }
    return true;
}
