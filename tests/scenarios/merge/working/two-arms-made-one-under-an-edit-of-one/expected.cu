void compute_forward(const params * params, tensor * t) {
    switch (t->op) {
        case OP_DUP:
            {
                forward_dup(params, t);
            } break;
        case OP_ADD:
        case OP_MUL:
            {
<<<<<<< ours
                forward_binary(params, t);
||||||| base
                forward_mul(params, t);
=======
                forward_mul(params, t, t->src[1]);
>>>>>>> theirs
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
