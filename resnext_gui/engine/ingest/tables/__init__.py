"""Tables that name photographs and their labels, in all the ways in which people have them."""
