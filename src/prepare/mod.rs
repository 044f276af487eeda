//! What submit adds to a document: run parameters, env, memoize. Pure; must never name the clock, randomness or the network.
