void run() {
  start();
}

} // end namespace one
} // end namespace self
} // end namespace attention
