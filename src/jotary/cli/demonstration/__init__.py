"""The demonstration behind `jotary demo`: three servers on loopback, a person and clients, and the story."""
