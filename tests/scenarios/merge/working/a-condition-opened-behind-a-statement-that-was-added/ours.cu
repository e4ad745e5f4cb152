void launch(Params p, Stream s) {
  auto plan = pick_plan(p.rows, p.cols,
                        p.depth);
#ifndef USE_ROCM
  seed_state(plan, s);
#endif
  run(plan, s);
}
