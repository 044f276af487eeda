//! The Kubernetes API: kubeconfig, requests, errors. The only place that names kube; must never change a document.
