void drain(Queue& queue, int a, int b, int d) {
  queue.push(a, b);
  queue.flush();
}
