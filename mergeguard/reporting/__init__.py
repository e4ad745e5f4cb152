"""The report as Markdown, HTML, JSON and SARIF: values in, text out."""
