"""What rules would have done in the past, as far as Prometheus remembers: when they fired, and which guards that know
nothing but time and their own history would have held them back.
"""
