void run() {
  start();
}

} // end namespace two
} // namespace self_bias
} // end namespace attention
