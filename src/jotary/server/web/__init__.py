"""HTTP only: routes, forms, cookies, headers, pages. What is answered is decided in the flows."""
