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

    CUTLASS_HOST_DEVICE
    Arguments() : problem_size(0, 0, 0), split_k_slices(1) {}

    CUTLASS_HOST_DEVICE
    Arguments(GemmCoord problem_size_, TensorRef<ElementA const, LayoutA> ref_A_,
              TensorRef<ElementB const, LayoutB> ref_B_, int split_k_slices = 1)
        : problem_size(problem_size_), ref_A(ref_A_), ref_B(ref_B_), split_k_slices(split_k_slices) {}
  };

  Status initialize(Arguments const& args, void* workspace = nullptr) {
    params_ = typename GemmKernel::Params{args.problem_size, args.ref_A, args.ref_B, args.split_k_slices};
    return Status::kSuccess;
  }

<<<<<<< ours
  static bool can_implement(Arguments const& args) { return true; }

||||||| base
=======
 protected:
  int device_ = 0;

>>>>>>> theirs
 private:
  typename GemmKernel::Params params_;
};
