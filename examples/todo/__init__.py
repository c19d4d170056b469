"""ToDo: a small product built on jotary. An API and a web app that share nothing but the issuer's address."""
