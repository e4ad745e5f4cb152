"""The public history of AMD's gfx11 fork of vLLM, lived again with its heavy files split."""
