"""The sections of a page, one a file: each turns runs into HTML, and says in a line what is missing."""
