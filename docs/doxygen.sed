# What Doxygen is to see where a header says a thing in fewer words than it wants.

# The codes below @return, one a line, are a list of links.
/^ [*]   AICHAT_E/{
	s/AICHAT_E[A-Z0-9]*/#&/g
	s/#/- #/
}

# A row of AICHAT_ERROR_MAP documents a value of the enum that is made of it.
/^	X(E/{
	/")/!N
	p
	s/.*X(\(E[A-Z0-9]*\), .*"\([^"]*\)").*/\/** @var AICHAT_\1\n \2 *\//
	H
	d
}
${
	p
	x
}
