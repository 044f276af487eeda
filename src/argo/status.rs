//! The status of a workflow as the Argo controller writes it.
