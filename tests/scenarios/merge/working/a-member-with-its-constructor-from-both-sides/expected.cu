template <class ElementA_, class LayoutA_, class ElementB_, class LayoutB_>
class Gemm {
 public:
  using ElementA = ElementA_;
  using LayoutA = LayoutA_;
  using ElementB = ElementB_;
  using LayoutB = LayoutB_;

  struct Arguments {
    GemmCoord problem_size;
    TensorRef<ElementA const, LayoutA> ref_A;
    TensorRef<ElementB const, LayoutB> ref_B;
    int split_k_slices;
    float alpha;
    int const* gather_A;

    CUTLASS_HOST_DEVICE
<<<<<<< ours
    Arguments() : problem_size(0, 0, 0), split_k_slices(1), gather_A(nullptr) {}
||||||| base
    Arguments() : problem_size(0, 0, 0), split_k_slices(1) {}
=======
    Arguments() : problem_size(0, 0, 0), split_k_slices(1), alpha(1) {}
>>>>>>> theirs

    CUTLASS_HOST_DEVICE
    Arguments(GemmCoord problem_size_, TensorRef<ElementA const, LayoutA> ref_A_,
<<<<<<< ours
              TensorRef<ElementB const, LayoutB> ref_B_, int split_k_slices = 1,
              int const* gather_A_ = nullptr)
        : problem_size(problem_size_), ref_A(ref_A_), ref_B(ref_B_), split_k_slices(split_k_slices), gather_A(gather_A_) {}
||||||| base
              TensorRef<ElementB const, LayoutB> ref_B_, int split_k_slices = 1)
        : problem_size(problem_size_), ref_A(ref_A_), ref_B(ref_B_), split_k_slices(split_k_slices) {}
=======
              TensorRef<ElementB const, LayoutB> ref_B_, int split_k_slices = 1,
              float alpha_ = 1)
        : problem_size(problem_size_), ref_A(ref_A_), ref_B(ref_B_), split_k_slices(split_k_slices), alpha(alpha_) {}
>>>>>>> theirs
  };

  Status initialize(Arguments const& args, void* workspace = nullptr) {
<<<<<<< ours
    params_ = typename GemmKernel::Params{args.problem_size, args.ref_A, args.ref_B, args.split_k_slices, args.gather_A};
||||||| base
    params_ = typename GemmKernel::Params{args.problem_size, args.ref_A, args.ref_B, args.split_k_slices};
=======
    params_ = typename GemmKernel::Params{args.problem_size, args.ref_A, args.ref_B, args.split_k_slices, args.alpha};
>>>>>>> theirs
    return Status::kSuccess;
  }

 private:
  typename GemmKernel::Params params_;
};
