std::vector<Tensor> backward(Context* ctx, int group_size) {
  const auto saved = ctx->get_saved_variables();
  TORCH_CHECK(saved.size() == group_size + 3);
  return unpack(saved);
}
