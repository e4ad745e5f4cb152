void launch(Params p, Stream s) {
  auto plan = pick_plan(p.rows, p.cols,
                        p.depth);
<<<<<<< ours
#ifndef USE_ROCM
||||||| base
=======
  check_plan(plan);
>>>>>>> theirs
  seed_state(plan, s);
#endif
  run(plan, s);
}
