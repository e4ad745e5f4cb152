static const struct option long_options[] = {
    {"model",   required_argument, nullptr, 'm'},
    {"threads", required_argument, nullptr, 't'},
    {"batch",   required_argument, nullptr, 'b'},
    {"seed",    required_argument, nullptr, 's'},
    {"help",    no_argument,       nullptr, 'h'},
    {nullptr, 0, nullptr, 0},
};

bool parse(int argc, char ** argv, params & p) {
    int c;
<<<<<<< ours
    while ((c = getopt_long(argc, argv, "m:t:s:h", long_options, nullptr)) != -1) {
||||||| base
    while ((c = getopt_long(argc, argv, "m:t:h", long_options, nullptr)) != -1) {
=======
    while ((c = getopt_long(argc, argv, "m:t:b:h", long_options, nullptr)) != -1) {
>>>>>>> theirs
        switch (c) {
            case 'm': p.model = optarg; break;
            case 't': p.threads = atoi(optarg); break;
            case 'b': p.batch = atoi(optarg); break;
            case 's': p.seed = atoi(optarg); break;
            case 'h': usage(); return false;
            default: return false;
        }
    }
    return true;
}
