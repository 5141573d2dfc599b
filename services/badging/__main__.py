from services.badging.app import create
from services.badging.settings import BadgingSettings
from shared.service import run
from shared.settings import load

if __name__ == "__main__":
    run(create, lambda: load(BadgingSettings).port)
