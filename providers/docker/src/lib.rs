//! Target docker: containers of one Docker engine.
