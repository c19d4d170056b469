"""One file per endpoint or use case: gather → decide → commit (design §3). No HTTP here."""
