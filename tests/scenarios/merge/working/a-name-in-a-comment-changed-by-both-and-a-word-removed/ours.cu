void run() {
  start();
}

} // end namespace two
} // end namespace self_bias
} // end namespace attention
