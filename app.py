"""The WSGI application: `flask` and gunicorn look here."""

from marketplace import create_app
from marketplace.config import Config

app = create_app(Config.from_env())
