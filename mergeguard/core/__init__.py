"""The pure core: values in, values out; no git, disk, terminal or libclang."""
