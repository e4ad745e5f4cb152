void drain(Queue& queue, int a, int b, int d) {
  queue.push(d, a, b);
  queue.flush();
}
