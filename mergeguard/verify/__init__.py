"""Is the layout the same program?"""
