"""The authorization server: it proves who somebody is and signs what the other parties verify."""
