  ops.def(
      "scan(Tensor? x,"
      "Tensor!? y, Tensor? z,"
      "Tensor? u,"
      "Tensor? v) -> Tensor");
