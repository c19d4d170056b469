"""The web app: static files behind the backend-for-frontend."""
