netfilter text
