"""inferstack: size, price, check and provision LLM serving on AWS from one short YAML file per model."""

__version__ = "0.1.0"
