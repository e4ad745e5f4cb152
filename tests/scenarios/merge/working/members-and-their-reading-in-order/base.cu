struct IndexIVF {
  size_t nlist = 0;
  size_t nprobe = 1;
  bool own_fields = false;
};

void write_ivf(const IndexIVF* ivf, IOWriter* f) {
  WRITE1(ivf->nlist);
  WRITE1(ivf->nprobe);
  WRITE1(ivf->own_fields);
}

void read_ivf(IndexIVF* ivf, IOReader* f) {
  READ1(ivf->nlist);
  READ1(ivf->nprobe);
  READ1(ivf->own_fields);
}
