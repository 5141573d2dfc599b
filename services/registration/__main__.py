from services.registration.app import create
from services.registration.settings import RegistrationSettings
from shared.service import run
from shared.settings import load

if __name__ == "__main__":
    run(create, lambda: load(RegistrationSettings).port)
