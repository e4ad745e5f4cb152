void launch(Params p, Stream s) {
  auto plan = pick_plan(p.rows, p.cols,
                        p.depth);
  check_plan(plan);
  seed_state(plan, s);
  run(plan, s);
}
