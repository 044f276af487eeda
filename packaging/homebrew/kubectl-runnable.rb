# The formula of the release; the release workflow fills in the version and the checksums.
class KubectlRunnable < Formula
  desc "Makes Argo Workflows runs retryable, memoized and isolated"
  homepage "https://github.com/kubectl-runnable/kubectl-runnable"
  version "0.1.0"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "https://github.com/kubectl-runnable/kubectl-runnable/releases/download/v0.1.0/kubectl-runnable_v0.1.0_darwin_arm64.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end

    on_intel do
      url "https://github.com/kubectl-runnable/kubectl-runnable/releases/download/v0.1.0/kubectl-runnable_v0.1.0_darwin_amd64.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/kubectl-runnable/kubectl-runnable/releases/download/v0.1.0/kubectl-runnable_v0.1.0_linux_arm64.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end

    on_intel do
      url "https://github.com/kubectl-runnable/kubectl-runnable/releases/download/v0.1.0/kubectl-runnable_v0.1.0_linux_amd64.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end
  end

  def install
    bin.install "kubectl-runnable", "kubectl_complete-runnable"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/kubectl-runnable.bash" => "kubectl-runnable"
    zsh_completion.install "completions/_kubectl-runnable"
    fish_completion.install "completions/kubectl-runnable.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/kubectl-runnable version")
  end
end
