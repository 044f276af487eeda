//! Argo documents: YAML or JSON text to values that keep unknown fields and their order, and back.
