class Mergeguard < Formula
  include Language::Python::Virtualenv

  desc "Keep upstream's heavy C++/CUDA/HIP files split in a fork, and merge as if not"
  homepage "https://github.com/OWNER/mergeguard"
  url "https://github.com/OWNER/mergeguard/releases/download/v0.1.0/mergeguard-0.1.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000" # of the release
  license "Apache-2.0"

  depends_on "git"
  depends_on "python@3.13"

  # `brew update-python-resources mergeguard` writes the resources of the dependencies here.

  def install
    virtualenv_install_with_resources
    man1.install Dir[libexec/"share/man/man1/*"]
    bash_completion.install Dir[libexec/"share/bash-completion/completions/*"]
    zsh_completion.install Dir[libexec/"share/zsh/site-functions/*"]
    fish_completion.install Dir[libexec/"share/fish/vendor_completions.d/*"]
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/mergeguard --version")
    assert_match "byte for byte", shell_output("#{bin}/mergeguard demo")
  end
end
