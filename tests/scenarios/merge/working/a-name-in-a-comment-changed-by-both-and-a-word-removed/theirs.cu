void run() {
  start();
}

} // end namespace one
} // namespace self_bias
} // end namespace attention
