struct IndexIVF {
  size_t nlist = 0;
  size_t nprobe = 1;
  int parallel_mode = 0;
  size_t max_codes = 0;
  bool own_fields = false;
};

void write_ivf(const IndexIVF* ivf, IOWriter* f) {
  WRITE1(ivf->nlist);
  WRITE1(ivf->nprobe);
<<<<<<< ours
  WRITE1(ivf->max_codes);
||||||| base
=======
  WRITE1(ivf->parallel_mode);
>>>>>>> theirs
  WRITE1(ivf->own_fields);
}

void read_ivf(IndexIVF* ivf, IOReader* f) {
  READ1(ivf->nlist);
  READ1(ivf->nprobe);
<<<<<<< ours
  READ1(ivf->max_codes);
||||||| base
=======
  READ1(ivf->parallel_mode);
>>>>>>> theirs
  READ1(ivf->own_fields);
}
