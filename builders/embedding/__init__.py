"""An encoder of photos' vectors that was taught on camera photos: taken as it is, and proved."""
