"""Pages of funding: public pools, the desk of a funder, bank lines, releases."""
