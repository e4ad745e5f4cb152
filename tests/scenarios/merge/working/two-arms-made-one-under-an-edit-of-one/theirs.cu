void compute_forward(const params * params, tensor * t) {
    switch (t->op) {
        case OP_DUP:
            {
                forward_dup(params, t);
            } break;
        case OP_ADD:
            {
                forward_add(params, t);
            } break;
        case OP_MUL:
            {
                forward_mul(params, t, t->src[1]);
            } break;
        case OP_NONE:
            {
                // nop
            } break;
        case OP_COUNT:
            {
                ABORT("fatal error");
            }
    }
}
